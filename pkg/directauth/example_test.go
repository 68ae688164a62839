package directauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/latchkey-mfa/latchkey/pkg/directauth"
)

// demo is an org in memory. Outside of examples, Config.HTTP can stay nil.
func demo() (*org, directauth.Config) {
	o := newOrg(nil)
	o.wrong = func(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
	return o, directauth.Config{Issuer: o.issuer, ClientID: clientID, ClientSecret: clientSecret, HTTP: &http.Client{Transport: o}}
}

// A push with a number to pick on the phone.
func ExampleClient_Push() {
	o, config := demo()
	o.on("/primary-authenticate", then(pushed(object{"binding_method": "transfer", "binding_code": 95, "interval": 1})))
	o.signsIn("/token")

	client, err := directauth.New(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	push, err := client.Push(ctx, "ada@example.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	if push.Binding == directauth.BindingTransfer {
		fmt.Println("Pick", push.BindingCode, "on your phone")
	}
	tokens, err := client.Await(ctx, push)
	switch {
	case errors.Is(err, directauth.ErrDenied):
		fmt.Println("You refused.")
	case errors.Is(err, directauth.ErrExpired):
		fmt.Println("Nobody answered.")
	case err != nil:
		fmt.Println(err)
	default:
		fmt.Println("Hello", tokens.Claims.Name)
	}
	fmt.Println("A log shows", push, "and", tokens)
	// Output:
	// Pick 95 on your phone
	// Hello Ada Lovelace
	// A log shows [out-of-band code] and [tokens]
}

// A one-time code. A wrong one is told apart from an org that is away.
func ExampleClient_OTP() {
	o, config := demo()
	o.on("/token", func(form url.Values) reply {
		if form.Get("otp") != "123456" {
			return refuse(400, "invalid_grant", "The credentials provided were invalid.")
		}
		return o.tokens(form)
	})

	client, err := directauth.New(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, code := range []string{"654321", "123456"} {
		tokens, err := client.OTP(context.Background(), "ada@example.com", code)
		var away *directauth.Unreachable
		switch {
		case errors.Is(err, directauth.ErrInvalidCredentials):
			fmt.Println("Wrong code.")
		case errors.As(err, &away):
			fmt.Println("Offline:", away.Kind)
		case err != nil:
			fmt.Println(err)
		default:
			fmt.Println("Hello", tokens.Claims.Name)
		}
	}
	// Output:
	// Wrong code.
	// Hello Ada Lovelace
}

// A password, and then what the org wants besides.
func ExampleClient_Password() {
	o, config := demo()
	o.on("/token", func(form url.Values) reply {
		if form.Get("grant_type") == "password" {
			return mfaRequired()
		}
		return o.tokens(form)
	})
	o.on("/challenge", then(answer(object{"challenge_type": directauth.ChallengeOTP})))

	client, err := directauth.New(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	tokens, err := client.Password(ctx, "ada@example.com", "correct horse")
	var more *directauth.MFARequired
	if errors.As(err, &more) {
		fmt.Println("Password is right.")
		challenged, err := client.Challenge(ctx, more.Token, directauth.ChallengeOTP)
		if err != nil {
			fmt.Println(err)
			return
		}
		if challenged.Type == directauth.ChallengeOTP {
			tokens, err = client.AnswerOTP(ctx, more.Token, "123456")
		}
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println("Hello", tokens.Claims.Name)
	// Output:
	// Password is right.
	// Hello Ada Lovelace
}
